"""The sequence network: how far a beat is from what it would be, were it normal, given all beats before it.

``tokens`` says what is read of a beat, ``reference`` what is remembered of the patient beside the network's own state,
``network`` and ``training`` define and train it (torch), ``compiled`` runs it, ``ectopy`` writes the rhythms that it
learns from into records, and ``reader`` follows one patient.
"""
