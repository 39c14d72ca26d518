"""One history of the ground: hidden states of every pixel, and the figures that are read off them."""
