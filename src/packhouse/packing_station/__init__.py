"""The packing station: benches, what is counted at them, and what their printers print."""
