"""What a mechanism guarantees, and how much of it an audit can refute; arrays and mechanism descriptions only."""
