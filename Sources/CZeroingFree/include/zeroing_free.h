#pragma once

/// Keeps this library, and with it the program's own `free` and `realloc`, in the link.
void bursar_zeroing_free_is_linked(void);
