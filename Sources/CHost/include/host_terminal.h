#pragma once

/// Asks at the terminal, without echo, for one line; the line end is not stored.
///
/// Echo comes back when the line is read, and on INT, TERM, HUP, QUIT, ALRM and TSTP, which then take
/// their usual course; after TSTP and CONT it asks again. Returns the bytes read, or a negated errno:
/// ENXIO without a terminal, E2BIG for a line beyond the capacity or beyond what the kernel keeps of a
/// line (4,094 bytes), ENODATA at end of file. Nothing is left in the buffer then.
long chost_ask(const char *prompt, unsigned char *buffer, unsigned long capacity);

/// The columns of the terminal on standard output, or 0.
int chost_terminal_columns(void);
