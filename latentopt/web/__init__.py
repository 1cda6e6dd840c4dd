"""The page: edits with what changed, a map of latents, a strength sweep, the way between two texts, whole files."""
