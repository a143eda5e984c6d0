"""What operators see and do: the dashboard's figures, and the few actions that they need.

Nothing of it costs anything while nobody looks: buckets are followed, and figures are asked for, from the first look
until a while after the last. What is shown are ids, lengths, states and counts; no words.
"""
