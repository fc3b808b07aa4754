"""genoaudit: can a model trained on patients' gene expression be released?"""
