"""The teaching case: lessons as notebooks, tasks that explain what was missed, progress against class hours."""
