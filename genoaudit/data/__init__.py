"""Files to cohorts, and cohorts to membership designs."""
