"""Papers as JSON, GIFT, Moodle XML, QTI and paper."""
