"""Who watches the broker: events, the firehose, and what is written into messages on their way in."""
