/* Greetings in plain text. */
#ifndef GREET_H
#define GREET_H

#include <stddef.h>

/* Write a greeting for `name` into `text`; return its length, as snprintf does. */
int greet(char *text, size_t size, const char *name);

#endif
