"""Who is who on the Peppol network: seats and keys, PKI, SML, SMP and participants."""
