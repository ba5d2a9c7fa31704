"""What subscribers owe, worked out a second time: plainly, slowly, and from docs/billing.md instead of from the program.

Nothing here imports what it is there to check. Days are walked one by one, fractions are exact, and each rule is written
where it is named.
"""
