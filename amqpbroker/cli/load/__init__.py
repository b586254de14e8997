"""Load for a broker: publishers and consumers that cost so little that the broker is what is measured."""
