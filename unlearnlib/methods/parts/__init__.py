"""What several methods share, and what one is made of: projections, sequential requests."""
