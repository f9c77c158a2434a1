/* The vocabulary without its endings: inside a file that is instantiated for a lane type (LANE is
   f64 or f32) and a storage type (STORAGE is f64, f32, f16 or bf16) formulas read as formulas.
   Macros expand where they are used, so this is included once and follows LANE and STORAGE. */

#ifndef KL_WORDS_H
#define KL_WORDS_H

#define KL_JOIN_(a, b) a##_##b
#define KL_JOIN(a, b) KL_JOIN_(a, b)
#define LANED(name) KL_JOIN(name, LANE)    /* one per lane type */
#define STORED(name) KL_JOIN(name, STORAGE) /* one per storage type */

typedef double real_f64;
typedef float real_f32;
typedef double stored_f64;
typedef float stored_f32;
typedef uint16_t stored_f16, stored_bf16;

/* Whether the type has no number between 0 and the usual floor of any mass. */
enum { ZERO_OR_ABOVE_f64 = 0, ZERO_OR_ABOVE_f32 = 0, ZERO_OR_ABOVE_bf16 = 0 };
enum { ZERO_OR_ABOVE_f16 = 1 };

#define real LANED(real)
#define stored STORED(stored)
#define vec LANED(vec)
#define mask LANED(mask)
#define exponent LANED(exponent)
#define LANES LANED(LANES)

#define all(x) LANED(all)(x)
#define fetch_lanes(x) KL_JOIN(STORED(load), LANE)(x)
#define fetch_reals(x) KL_JOIN(LANED(load), LANE)(x)
#define add(a, b) LANED(add)(a, b)
#define sub(a, b) LANED(sub)(a, b)
#define mul(a, b) LANED(mul)(a, b)
#define quotient(a, b) LANED(div)(a, b)
#define root(a) LANED(root)(a)
#define fused(a, b, c) LANED(fma)(a, b, c)           /* a b + c */
#define fused_less(a, b, c) LANED(fms)(a, b, c)      /* a b - c */
#define fused_from(a, b, c) LANED(fnma)(a, b, c)     /* c - a b */
#define smaller(a, b) LANED(min)(a, b)               /* b if either is NaN */
#define larger(a, b) LANED(max)(a, b)                /* b if either is NaN */
#define at_least(low, x) LANED(at_least)(low, x)     /* x raised to low > 0; a NaN of sign + stays */
#define less(a, b) LANED(less)(a, b)
#define equal(a, b) LANED(equal)(a, b)
#define keep(m, a) LANED(keep)(m, a)                 /* a where m, else 0 */
#define drop(m, a) LANED(drop)(m, a)                 /* 0 where m, else a */
#define select(m, a, b) LANED(select)(m, a, b)       /* a where m, else b */
#define any(m) LANED(any)(m)
#define either(a, b) LANED(either)(a, b)             /* bit by bit */
#define any_sign(a) LANED(any_sign)(a)               /* whether a lane has its sign bit set */
#define first_lanes(count) LANED(first_lanes)(count)
#define sum_of(a) LANED(sum)(a)                      /* of the lanes, in double */
#define part_of(a, i) LANED(part)(a, i)              /* the i-th of PARTS vectors of float64 */
#define PARTS (LANES / LANES_f64)
#define put(x, a) LANED(store)(x, a)
#define exponent_of_ratio(p, q) LANED(exponent_of_ratio)(p, q)
#define scale_by(a, e) LANED(scale_by)(a, e)
#define units_of(e) LANED(units_of)(e)               /* k times K(UNIT), exactly */
#define exponent_in(t) LANED(exponent_in)(t)
#define power_of_two_in(t) LANED(power_of_two_in)(t)
#define steps_above(t, lowest) LANED(steps_above)(t, lowest)
#define either_steps(a, b) LANED(either_steps)(a, b)
#define any_beyond(steps, range) LANED(any_beyond)(steps, range) /* not 0 ... range - 1 */

#endif
