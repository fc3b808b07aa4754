"""The attacks: signals in, one score per target model and patient out."""
