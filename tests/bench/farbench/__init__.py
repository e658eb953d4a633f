"""The modules of scripts/bench: what is compared (rows, contenders), where (workplace), how (measure), the report."""
