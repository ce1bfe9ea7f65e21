"""The question bank: computed questions, facts with their sources, and papers made of them."""
