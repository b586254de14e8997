"""The broker's nouns: what would hold if clients spoke another protocol."""
