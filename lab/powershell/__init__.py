"""Windows PowerShell 3.0 for the lab: parser, evaluator, parameter binder and the general cmdlets."""
