"""From sample to observation: sentinels, scaling, corrections, calibration, tests and flags."""
