"""Statistics and soil-gas physics on tidy data, the jobs that run them and their report."""
