"""A document as Word, HTML or Markdown."""
