"""The live inbox: the last messages published, which queues they reached and why, and what became of them there."""
