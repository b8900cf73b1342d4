"""The machine's verbs on notices and on the log, across all tenants."""
