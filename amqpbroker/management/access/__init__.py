"""Who asks, whether by a browser of somebody else's, and what he may."""
