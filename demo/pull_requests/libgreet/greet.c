#include "greet.h"

#include <stdio.h>

int greet(char *text, size_t size, const char *name)
{
    return snprintf(text, size, "Hello, %s!", name);
}
