"""The report: what was asked, what was found, how sure, what was withheld and why, method and seed."""
