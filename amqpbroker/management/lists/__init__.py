"""Lists as clients ask for them: sorted, a part of them, some fields of each."""
