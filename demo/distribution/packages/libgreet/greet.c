#include "greet.h"

#include <ctype.h>
#include <stdio.h>

int greet(char *text, size_t size, const char *name)
{
    return snprintf(text, size, "Hello, %s!", name);
}

int greet_loudly(char *text, size_t size, const char *name)
{
    int length = greet(text, size, name);

    for (char *c = text; size > 0 && *c != '\0'; c++)
        *c = (char)toupper((unsigned char)*c);
    return length;
}
