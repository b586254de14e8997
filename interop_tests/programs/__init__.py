"""Programs the interop tests start as processes of their own."""
