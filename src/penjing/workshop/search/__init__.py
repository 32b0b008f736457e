"""Which codec goes where: what each choice costs, and the best assembly under a budget."""
