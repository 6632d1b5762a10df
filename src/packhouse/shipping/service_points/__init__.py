"""Service points: the pick-up places of carriers, which an account imports or a carrier tells, found by place."""
