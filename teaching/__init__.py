"""The teaching case: real data, notebooks, tasks, questions and plans."""
