"""The nouns that every layer shares: errors, Model, Result, Check, and the words of both languages."""
