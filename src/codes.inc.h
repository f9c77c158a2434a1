/* llama.cpp's codes to logarithms: x = scale * code + floor in float32, each step rounded, as that
   program reads them. Plain loops, which every compiler makes vectors of for the instructions that
   this file is compiled for: in AVX2 six for 8 outcomes. */

static void decode_codes(const uint16_t *codes, ptrdiff_t count, float scale, float floor, float *out)
{
    for (ptrdiff_t i = 0; i < count; i++) {
        float product = scale * (float)codes[i];
        out[i] = product + floor;
    }
}

/* How many of the codes are above 0. */
static ptrdiff_t count_codes(const uint16_t *codes, ptrdiff_t count)
{
    ptrdiff_t above = 0;
    for (ptrdiff_t start = 0; start < count; start += 4096) { /* as many as 16 bits count */
        ptrdiff_t stop = start + 4096 < count ? start + 4096 : count;
        uint16_t few = 0;
        for (ptrdiff_t i = start; i < stop; i++)
            few = (uint16_t)(few + (codes[i] != 0));
        above += few;
    }
    return above;
}
