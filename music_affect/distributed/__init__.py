"""One run in several processes: how they are started, what they exchange, batch norm over all of them."""
