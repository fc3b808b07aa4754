"""What an adversary recovers of a patient's expression profile: attacks, their measure of success, and their limits."""
