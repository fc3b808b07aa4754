"""Can a model trained on patients' gene expression be released? genoaudit measures the risk per patient."""
