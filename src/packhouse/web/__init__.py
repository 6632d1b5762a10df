"""The page: what the warehouse looks at all day. It has no tables of its own."""
