#pragma once
int chost_placeholder(void);
