"""A whole broker in one seeded process: random clients, a naive model beside it, failures that replay and shrink."""
