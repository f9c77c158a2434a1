/* What callgrind counts: marks.c. */
__attribute__((visibility("default"))) void begin(void);
__attribute__((visibility("default"))) void end(const char *name);
