"""Evidence about the worlds whose users search: rules searched by chance, degenerate policies, tables."""
