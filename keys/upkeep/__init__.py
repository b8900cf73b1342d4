"""The machine's verbs on keys, across all tenants. Rows say what is due; a verb returns what is to be rung."""
