"""Speed and size, each beside a baseline measured in the same run."""
