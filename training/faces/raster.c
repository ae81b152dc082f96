/* SPDX-License-Identifier: GPL-3.0-or-later
 * The inner loops of the face renderer and of its augmentation: compiled by raster.py with the system's C compiler, training only.
 *
 * Light is worked out at vertices (the mesh is denser than the picture's pixels) and interpolated; eyes and hair strands are drawn a
 * pixel at a time. Colours are linear until the last step. Head space: +x the subject's left, +y up, +z out of the face, cm.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SKIN, EYE, MOUTH, HAIR, CLOTH, LENS, LASH, BEARD };
#define PAINT 9 /* albedo r g b, gloss, ambient visibility, key-light visibility, u, v, alpha */

static inline float clampf(float x, float a, float b) { return x < a ? a : (x > b ? b : x); }

static inline uint32_t hash2(int x, int y, uint32_t s) {
    uint32_t h = (uint32_t)x * 374761393u + (uint32_t)y * 668265263u + s * 2246822519u;
    h = (h ^ (h >> 13)) * 1274126177u;
    return h ^ (h >> 16);
}
static inline float unit(uint32_t h) { return (h & 0xffffff) / 16777216.0f; }

static float noise2(float x, float y, uint32_t s) {
    int ix = (int)floorf(x), iy = (int)floorf(y);
    float fx = x - ix, fy = y - iy;
    fx = fx * fx * (3 - 2 * fx);
    fy = fy * fy * (3 - 2 * fy);
    float a = unit(hash2(ix, iy, s)), b = unit(hash2(ix + 1, iy, s)), c = unit(hash2(ix, iy + 1, s)), d = unit(hash2(ix + 1, iy + 1, s));
    return (a + (b - a) * fx) * (1 - fy) + (c + (d - c) * fx) * fy;
}

/* Value noise of 3D points in 0..1, for paint on the skin. */
static inline float lattice3(int x, int y, int z, uint32_t s) { return unit(hash2(x, y, s + (uint32_t)z * 3266489917u)); }
void noise3(const float *p, int n, float scale, uint32_t seed, float *out) {
    for (int i = 0; i < n; i++) {
        float x = p[3 * i] * scale, y = p[3 * i + 1] * scale, z = p[3 * i + 2] * scale;
        int ix = (int)floorf(x), iy = (int)floorf(y), iz = (int)floorf(z);
        float fx = x - ix, fy = y - iy, fz = z - iz, v[2];
        for (int k = 0; k < 2; k++) {
            float a = lattice3(ix, iy, iz + k, seed), b = lattice3(ix + 1, iy, iz + k, seed);
            float c = lattice3(ix, iy + 1, iz + k, seed), d = lattice3(ix + 1, iy + 1, iz + k, seed);
            v[k] = (a + (b - a) * fx) * (1 - fy) + (c + (d - c) * fx) * fy;
        }
        out[i] = v[0] + (v[1] - v[0]) * fz;
    }
}

void normals(const float *p, int nv, const int32_t *tri, int nt, float *n) {
    memset(n, 0, sizeof(float) * 3 * nv);
    for (int t = 0; t < nt; t++) {
        const float *a = p + 3 * tri[3 * t], *b = p + 3 * tri[3 * t + 1], *c = p + 3 * tri[3 * t + 2];
        float ux = b[0] - a[0], uy = b[1] - a[1], uz = b[2] - a[2], vx = c[0] - a[0], vy = c[1] - a[1], vz = c[2] - a[2];
        float x = uy * vz - uz * vy, y = uz * vx - ux * vz, z = ux * vy - uy * vx;
        for (int k = 0; k < 3; k++) {
            float *o = n + 3 * tri[3 * t + k];
            o[0] += x; o[1] += y; o[2] += z;
        }
    }
    for (int i = 0; i < nv; i++) {
        float *o = n + 3 * i, l = sqrtf(o[0] * o[0] + o[1] * o[1] + o[2] * o[2]) + 1e-12f;
        o[0] /= l; o[1] /= l; o[2] /= l;
    }
}

/* screen: x, y in pixels, depth in cm from the camera. */
static void project(const float *p, int nv, const float *cam, float *screen, float *turned) {
    for (int i = 0; i < nv; i++) {
        const float *a = p + 3 * i;
        float x = cam[0] * a[0] + cam[1] * a[1] + cam[2] * a[2] + cam[9];
        float y = cam[3] * a[0] + cam[4] * a[1] + cam[5] * a[2] + cam[10];
        float z = cam[6] * a[0] + cam[7] * a[1] + cam[8] * a[2] + cam[11];
        float d = cam[12] - z; /* cam[12] = 0 for a parallel projection */
        float s = cam[12] > 0 ? cam[13] / (d < 1 ? 1 : d) : cam[13];
        screen[3 * i] = cam[14] + s * x;
        screen[3 * i + 1] = cam[15] - s * y;
        screen[3 * i + 2] = d;
        if (turned) { turned[3 * i] = x; turned[3 * i + 1] = y; turned[3 * i + 2] = z; }
    }
}
void project_points(const float *p, int n, const float *cam, float *screen) { project(p, n, cam, screen, 0); }

/* One triangle into the z-buffer. cull: drop back faces. strands > 0: a hair pixel is dropped where its alpha is below strand noise. */
static void fill(const float *s, const int32_t *tri, int t, int w, int h, int cull, const float *paint, int hair, uint32_t seed, float *zb,
                 int32_t *id, float *bary) {
    const float *a = s + 3 * tri[3 * t], *b = s + 3 * tri[3 * t + 1], *c = s + 3 * tri[3 * t + 2];
    float area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
    if (area == 0 || (cull && area > 0)) return; /* y runs down: outward faces turn negative */
    if (a[2] < 1 || b[2] < 1 || c[2] < 1) {
        if (a[2] > -1e5f && (a[2] < 1 && b[2] < 1 && c[2] < 1)) return;
    }
    float lox = fminf(a[0], fminf(b[0], c[0])), hix = fmaxf(a[0], fmaxf(b[0], c[0]));
    float loy = fminf(a[1], fminf(b[1], c[1])), hiy = fmaxf(a[1], fmaxf(b[1], c[1]));
    if (hix < 0 || hiy < 0 || lox >= w || loy >= h) return;
    int x0 = lox < 0.5f ? 0 : (int)ceilf(lox - 0.5f), x1 = hix > w ? w - 1 : (int)floorf(hix - 0.5f);
    int y0 = loy < 0.5f ? 0 : (int)ceilf(loy - 0.5f), y1 = hiy > h ? h - 1 : (int)floorf(hiy - 0.5f);
    float inv = 1.0f / area;
    float dx0 = (b[1] - c[1]) * inv, dy0 = (c[0] - b[0]) * inv, dx1 = (c[1] - a[1]) * inv, dy1 = (a[0] - c[0]) * inv;
    for (int y = y0; y <= y1; y++) {
        for (int x = x0; x <= x1; x++) {
            float px = x + 0.5f - c[0], py = y + 0.5f - c[1];
            float w0 = px * dx0 + py * dy0, w1 = px * dx1 + py * dy1, w2 = 1 - w0 - w1;
            if (w0 < 0 || w1 < 0 || w2 < 0) continue;
            float z = w0 * a[2] + w1 * b[2] + w2 * c[2];
            int at = y * w + x;
            if (z >= zb[at]) continue;
            if (hair) {
                const float *pa = paint + PAINT * tri[3 * t], *pb = paint + PAINT * tri[3 * t + 1], *pc = paint + PAINT * tri[3 * t + 2];
                float alpha = w0 * pa[8] + w1 * pb[8] + w2 * pc[8];
                if (alpha < 0.999f) {
                    float u = w0 * pa[6] + w1 * pb[6] + w2 * pc[6], v = w0 * pa[7] + w1 * pb[7] + w2 * pc[7];
                    if (alpha <= 0.7f * noise2(u * 2.2f, v * 0.12f, seed) + 0.3f * noise2(u * 0.5f, v * 0.3f, seed + 1)) continue;
                }
            }
            zb[at] = z;
            id[at] = t;
            bary[2 * at] = w0;
            bary[2 * at + 1] = w1;
        }
    }
}

/* Depth only, for visibility of vertices along a direction. zb must hold large numbers. */
void depth(const float *p, int nv, const int32_t *tri, int nt, const float *cam, int w, int h, float *zb) {
    float *s = malloc(sizeof(float) * 3 * nv), *bary = malloc(sizeof(float) * 2 * w * h);
    int32_t *id = malloc(sizeof(int32_t) * w * h);
    project(p, nv, cam, s, 0);
    for (int i = 0; i < nv; i++) s[3 * i + 2] += 1000;
    for (int t = 0; t < nt; t++) fill(s, tri, t, w, h, 0, 0, 0, 0, zb, id, bary);
    for (int i = 0; i < w * h; i++) zb[i] -= 1000;
    free(s); free(bary); free(id);
}

typedef struct {
    float ambient[3], sky[3], side[3]; /* light from everywhere, more of it from above, more of it from the right */
    float dir[3][3], colour[3][3];     /* lights, the first one casts shadows */
    float up[3];
} Light;

typedef struct {
    float iris[3], rim[3], sclera[3];
    float radius, pupil, spark_x, spark_y, veins;
} Eyes;

static float to_srgb(float x) { return x <= 0.0031308f ? 12.92f * x : 1.055f * powf(x, 1 / 2.4f) - 0.055f; }
static uint8_t table[4097];
static void make_table(void) {
    if (table[4096]) return;
    for (int i = 0; i <= 4096; i++) table[i] = (uint8_t)(255 * to_srgb(i / 4096.0f) + 0.5f);
}
static inline float tone(float x) { return x < 0.7f ? x : 0.7f + 0.3f * (1 - expf(-(x - 0.7f) / 0.3f)); }

/* Renders at (w, h) = twice the picture. opaque triangles first [0, no), then transparent [no, nt).
 * cel: 0, or the number of tones. outline: darkness of lines 0..1. back: linear background at picture size.
 * picture: uint8 [h/2, w/2, 3]; mask: uint8 [h/2, w/2] share of foreground; zb: float [h, w] depth, large where nothing is. */
void render(const float *p, int nv, const int32_t *tri, const uint8_t *mat, int no, int nt, const float *paint, const float *cam,
            const Light *L, const Eyes *E, int w, int h, int cel, float outline, uint32_t seed, const uint8_t *back, uint8_t *picture,
            uint8_t *mask, float *zb) {
    make_table();
    float *s = malloc(sizeof(float) * 3 * nv), *turned = malloc(sizeof(float) * 3 * nv), *n = malloc(sizeof(float) * 3 * nv);
    float *lit = malloc(sizeof(float) * 4 * nv), *bary = malloc(sizeof(float) * 2 * w * h), *rgb = malloc(sizeof(float) * 3 * w * h);
    int32_t *id = malloc(sizeof(int32_t) * w * h);
    project(p, nv, cam, s, turned);
    normals(turned, nv, tri, nt, n);
    for (int i = 0; i < w * h; i++) { zb[i] = 1e9f; id[i] = -1; }
    for (int t = 0; t < no; t++)
        fill(s, tri, t, w, h, mat[t] == SKIN || mat[t] == EYE || mat[t] == MOUTH, paint, mat[t] == HAIR, seed, zb, id, bary);
    for (int i = 0; i < nv; i++) {
        const float *q = paint + PAINT * i;
        float *m = n + 3 * i, *o = lit + 4 * i;
        float vx = -turned[3 * i], vy = -turned[3 * i + 1], vz = cam[12] - turned[3 * i + 2];
        float l = 1 / sqrtf(vx * vx + vy * vy + vz * vz + 1e-9f);
        vx *= l; vy *= l; vz *= l;
        float nx = m[0], ny = m[1], nz = m[2];
        float up = nx * L->up[0] + ny * L->up[1] + nz * L->up[2];
        float spec = 0;
        for (int k = 0; k < 3; k++) {
            float a = L->ambient[k] + L->sky[k] * 0.5f * (1 + up) + L->side[k] * 0.5f * (1 + nx);
            o[k] = a * q[4];
        }
        for (int j = 0; j < 3; j++) {
            float d = nx * L->dir[j][0] + ny * L->dir[j][1] + nz * L->dir[j][2], shade = j ? 0.3f + 0.7f * q[4] : q[5];
            for (int k = 0; k < 3; k++) {
                float wrap = k == 0 ? 0.22f : (k == 1 ? 0.1f : 0.07f); /* light that wanders under the skin is red */
                o[k] += L->colour[j][k] * shade * fmaxf(0, (d + wrap) / (1 + wrap));
            }
            float hx = L->dir[j][0] + vx, hy = L->dir[j][1] + vy, hz = L->dir[j][2] + vz;
            float hl = 1 / sqrtf(hx * hx + hy * hy + hz * hz + 1e-9f), nh = fmaxf(0, (nx * hx + ny * hy + nz * hz) * hl);
            float p8 = nh * nh; p8 *= p8; p8 *= p8;
            spec += L->colour[j][1] * shade * (0.25f * p8 + p8 * p8 * p8);
        }
        o[3] = cel ? 0 : spec * q[3];
    }
    for (int i = 0; i < w * h; i++) {
        int t = id[i];
        float *o = rgb + 3 * i;
        if (t < 0) continue;
        int i0 = tri[3 * t], i1 = tri[3 * t + 1], i2 = tri[3 * t + 2];
        float w0 = bary[2 * i], w1 = bary[2 * i + 1], w2 = 1 - w0 - w1, alb[3], lig[4];
        const float *a = paint + PAINT * i0, *b = paint + PAINT * i1, *c = paint + PAINT * i2;
        for (int k = 0; k < 3; k++) alb[k] = w0 * a[k] + w1 * b[k] + w2 * c[k];
        for (int k = 0; k < 4; k++) lig[k] = w0 * lit[4 * i0 + k] + w1 * lit[4 * i1 + k] + w2 * lit[4 * i2 + k];
        float u = w0 * a[6] + w1 * b[6] + w2 * c[6], v = w0 * a[7] + w1 * b[7] + w2 * c[7];
        if (mat[t] == EYE) {
            float r = sqrtf(u * u + v * v) / E->radius, edge = clampf((1.0f - r) * 7 + 0.5f, 0, 1);
            float ring = noise2(atan2f(v, u) * 6, r * 3, seed + 7), white = 1 - E->veins * clampf(r - 1.2f, 0, 1);
            for (int k = 0; k < 3; k++) {
                float ir = E->iris[k] * (0.65f + 0.7f * ring) * (0.75f + 0.5f * clampf(0.5f - v / E->radius * 0.6f, 0, 1));
                ir = r > 0.82f ? ir + (E->rim[k] - ir) * clampf((r - 0.82f) * 6, 0, 1) : ir;
                ir *= clampf((r - E->pupil) * 12 + 0.5f, 0.02f, 1);
                alb[k] = E->sclera[k] * (k ? white : 1) * (1 - edge) + ir * edge;
            }
            float sx = (u - E->spark_x) / E->radius, sy = (v - E->spark_y) / E->radius, sp = sx * sx + sy * sy;
            lig[3] = (sp < 0.045f ? 1.2f : 0) * (lig[0] + lig[1] + lig[2]) * 0.33f + lig[3] * 0.3f;
        } else if (mat[t] == HAIR) {
            float f = 0.55f + 0.6f * noise2(u * 2.2f, v * 0.12f, seed) + 0.3f * noise2(u * 0.6f, v * 0.25f, seed + 3);
            float sheen = noise2(u * 1.5f, v * 0.05f, seed + 5);
            for (int k = 0; k < 3; k++) alb[k] *= f;
            lig[3] *= sheen;
        } else if (mat[t] == CLOTH) {
            float f = 0.9f + 0.2f * noise2(u, v, seed + 9);
            for (int k = 0; k < 3; k++) alb[k] *= f;
        }
        if (cel) {
            float m = (lig[0] + lig[1] + lig[2]) / 3 + 1e-4f, q = (floorf(clampf(m, 0, 1.2f) / 1.2f * cel - 0.001f) + 0.8f) / cel * 1.2f;
            for (int k = 0; k < 3; k++) lig[k] *= q / m;
        }
        float glint = lig[3] * (0.8f + 0.4f * unit(hash2(i, t, seed)));
        for (int k = 0; k < 3; k++) o[k] = alb[k] * lig[k] + glint;
    }
    /* transparent layers, in their order, over what is there */
    float *zt = malloc(sizeof(float) * w * h);
    int32_t *idt = malloc(sizeof(int32_t) * w * h);
    memcpy(zt, zb, sizeof(float) * w * h);
    for (int t = no; t < nt;) {
        int kind = mat[t], end = t, lox = w, hix = -1, loy = h, hiy = -1;
        while (end < nt && mat[end] == kind) {
            for (int k = 0; k < 3; k++) {
                const float *q = s + 3 * tri[3 * end + k];
                int x = (int)clampf(q[0], 0, w - 1), y = (int)clampf(q[1], 0, h - 1);
                lox = x < lox ? x : lox; hix = x > hix ? x : hix; loy = y < loy ? y : loy; hiy = y > hiy ? y : hiy;
            }
            end++;
        }
        for (int y = loy; y <= hiy; y++)
            for (int x = lox; x <= hix; x++) { idt[y * w + x] = -1; zt[y * w + x] = zb[y * w + x] + (kind == LASH ? 0.05f : 0.0f); }
        for (int k = t; k < end; k++) fill(s, tri, k, w, h, kind == BEARD, paint, 0, seed, zt, idt, bary);
        for (int y = loy; y <= hiy; y++)
            for (int x = lox; x <= hix; x++) {
                int i = y * w + x, q = idt[i];
                if (q < 0 || id[i] < 0) continue;
                int i0 = tri[3 * q], i1 = tri[3 * q + 1], i2 = tri[3 * q + 2];
                float w0 = bary[2 * i], w1 = bary[2 * i + 1], w2 = 1 - w0 - w1;
                const float *a = paint + PAINT * i0, *b = paint + PAINT * i1, *c = paint + PAINT * i2;
                float alpha = w0 * a[8] + w1 * b[8] + w2 * c[8];
                if (kind == BEARD) {
                    float u = w0 * a[6] + w1 * b[6] + w2 * c[6], v = w0 * a[7] + w1 * b[7] + w2 * c[7];
                    alpha = clampf((alpha - 0.75f * noise2(u * 4, v * 1.2f, seed + 11)) * 3, 0, 0.95f);
                }
                for (int k = 0; k < 3; k++) {
                    float alb = w0 * a[k] + w1 * b[k] + w2 * c[k];
                    float lg = w0 * lit[4 * i0 + k] + w1 * lit[4 * i1 + k] + w2 * lit[4 * i2 + k];
                    float sp = kind == LENS ? w0 * lit[4 * i0 + 3] + w1 * lit[4 * i1 + 3] + w2 * lit[4 * i2 + 3] : 0;
                    rgb[3 * i + k] += alpha * (alb * lg - rgb[3 * i + k]) + sp;
                }
            }
        t = end;
    }
    if (outline > 0) {
        for (int y = 1; y < h - 1; y++)
            for (int x = 1; x < w - 1; x++) {
                int i = y * w + x;
                if (id[i] < 0) continue;
                float z = zb[i], far = fmaxf(fmaxf(zb[i - 1], zb[i + 1]), fmaxf(zb[i - w], zb[i + w])) - z;
                int m = mat[id[i]], edge = far > 1.2f;
                for (int k = 0; k < 4 && !edge; k++) {
                    int j = i + (k == 0 ? -1 : k == 1 ? 1 : k == 2 ? -w : w);
                    edge = id[j] >= 0 && mat[id[j]] != m;
                }
                if (edge)
                    for (int k = 0; k < 3; k++) rgb[3 * i + k] *= 1 - outline;
            }
    }
    int W = w / 2, H = h / 2;
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            float acc[3] = {0, 0, 0};
            int cover = 0;
            for (int k = 0; k < 4; k++) {
                int i = (2 * y + (k >> 1)) * w + 2 * x + (k & 1);
                if (id[i] < 0) continue;
                cover++;
                for (int j = 0; j < 3; j++) acc[j] += table[(int)(4096 * clampf(tone(rgb[3 * i + j]), 0, 1))];
            }
            int o = y * W + x;
            for (int j = 0; j < 3; j++) picture[3 * o + j] = (uint8_t)((acc[j] + (4 - cover) * (float)back[3 * o + j]) * 0.25f + 0.5f);
            mask[o] = (uint8_t)(cover * 63.75f);
        }
    free(s); free(turned); free(n); free(lit); free(bary); free(rgb); free(id); free(zt); free(idt);
}

/* ---- augmentation of finished pictures ---- */

/* out[y, x] = in at m (2x3: maps output pixel centres to input pixels), mean of k x k taps where the input is finer; edges repeat. */
void warp(const uint8_t *in, int w, int h, const float *m, uint8_t *out, int W, int H, int mirror) {
    float sx = sqrtf(m[0] * m[0] + m[3] * m[3]);
    int taps = sx > 2.4f ? 3 : (sx > 1.3f ? 2 : 1);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            float acc[3] = {0, 0, 0};
            for (int q = 0; q < taps * taps; q++) {
                float X = x + ((q % taps) + 0.5f) / taps, Y = y + ((q / taps) + 0.5f) / taps;
                float u = clampf(m[0] * X + m[1] * Y + m[2] - 0.5f, 0, w - 1.001f), v = clampf(m[3] * X + m[4] * Y + m[5] - 0.5f, 0, h - 1.001f);
                int iu = (int)u, iv = (int)v;
                float fu = u - iu, fv = v - iv;
                const uint8_t *a = in + 3 * (iv * w + iu), *b = a + 3 * w;
                for (int k = 0; k < 3; k++)
                    acc[k] += (a[k] + (a[k + 3] - a[k]) * fu) * (1 - fv) + (b[k] + (b[k + 3] - b[k]) * fu) * fv;
            }
            uint8_t *o = out + 3 * (y * W + (mirror ? W - 1 - x : x));
            for (int k = 0; k < 3; k++) o[k] = (uint8_t)(acc[k] / (taps * taps) + 0.5f);
        }
}

static void blur_line(float *line, int n, int stride, const float *kernel, int r, float *tmp) {
    for (int i = 0; i < n; i++) {
        float a = 0;
        for (int k = -r; k <= r; k++) {
            int j = i + k < 0 ? 0 : (i + k >= n ? n - 1 : i + k);
            a += kernel[k + r] * line[j * stride];
        }
        tmp[i] = a;
    }
    for (int i = 0; i < n; i++) line[i * stride] = tmp[i];
}

static const float QUANT[64] = {16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57,
                                69, 56, 14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64,
                                81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99};
static void block_damage(float *img, int w, int h, float q) {
    static float c[8][8];
    if (c[0][0] == 0)
        for (int i = 0; i < 8; i++)
            for (int j = 0; j < 8; j++) c[i][j] = (i ? 0.5f : 0.35355339f) * cosf((2 * j + 1) * i * 3.14159265f / 16);
    for (int by = 0; by + 8 <= h; by += 8)
        for (int bx = 0; bx + 8 <= w; bx += 8) {
            float t[8][8], d[8][8];
            for (int i = 0; i < 8; i++)
                for (int j = 0; j < 8; j++) {
                    float a = 0;
                    for (int k = 0; k < 8; k++) a += c[j][k] * img[(by + i) * w + bx + k];
                    t[i][j] = a;
                }
            for (int i = 0; i < 8; i++)
                for (int j = 0; j < 8; j++) {
                    float a = 0;
                    for (int k = 0; k < 8; k++) a += c[i][k] * t[k][j];
                    float s = QUANT[8 * i + j] * q;
                    s = s < 1 ? 1 : s;
                    d[i][j] = roundf(a / s) * s;
                }
            for (int i = 0; i < 8; i++)
                for (int j = 0; j < 8; j++) {
                    float a = 0;
                    for (int k = 0; k < 8; k++) a += c[k][j] * d[i][k];
                    t[i][j] = a;
                }
            for (int i = 0; i < 8; i++)
                for (int j = 0; j < 8; j++) {
                    float a = 0;
                    for (int k = 0; k < 8; k++) a += c[k][i] * t[k][j];
                    img[(by + i) * w + bx + j] = a;
                }
        }
}

/* In place on uint8 [h, w, 3]. o: gain r g b, offset, gamma, grey 0..1, blur sigma x, blur sigma y, noise, block damage (0 none), contrast */
void damage(uint8_t *img, int w, int h, const float *o, uint32_t seed) {
    int n = w * h;
    float *plane = malloc(sizeof(float) * 3 * n), *tmp = malloc(sizeof(float) * (w > h ? w : h)), lut[3][256];
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < 256; i++) {
            float x = powf(i / 255.0f, o[4]) * o[k];
            lut[k][i] = 255 * ((x - 0.5f) * o[10] + 0.5f) + o[3];
        }
    for (int i = 0; i < n; i++) {
        float r = lut[0][img[3 * i]], g = lut[1][img[3 * i + 1]], b = lut[2][img[3 * i + 2]];
        float y = 0.299f * r + 0.587f * g + 0.114f * b; /* planes hold luma and two colour differences */
        plane[i] = y;
        plane[n + i] = (r - y) * (1 - o[5]);
        plane[2 * n + i] = (b - y) * (1 - o[5]);
    }
    for (int axis = 0; axis < 2; axis++) {
        float sigma = o[6 + axis], kernel[31];
        if (sigma < 0.2f) continue;
        int r = (int)ceilf(2.2f * sigma);
        r = r > 15 ? 15 : r;
        float sum = 0;
        for (int k = -r; k <= r; k++) sum += kernel[k + r] = expf(-0.5f * k * k / (sigma * sigma));
        for (int k = 0; k <= 2 * r; k++) kernel[k] /= sum;
        for (int p = 0; p < 3; p++)
            for (int i = 0; i < (axis ? w : h); i++)
                blur_line(plane + p * n + (axis ? i : i * w), axis ? h : w, axis ? w : 1, kernel, r, tmp);
    }
    if (o[8] > 0) {
        uint32_t s = seed * 747796405u + 1;
        for (int i = 0; i < n; i++) {
            float a = 0;
            for (int k = 0; k < 4; k++) { s = s * 1664525u + 1013904223u; a += (s >> 8) / 16777216.0f; }
            a = (a - 2) * 1.7f * o[8];
            plane[i] += a;
            plane[n + i] += 0.4f * o[8] * ((s >> 9 & 1023) / 512.0f - 1);
        }
    }
    if (o[9] > 0) {
        block_damage(plane, w, h, o[9]);
        block_damage(plane + n, w, h, 1.6f * o[9]);
        block_damage(plane + 2 * n, w, h, 1.6f * o[9]);
    }
    for (int i = 0; i < n; i++) {
        float y = plane[i], r = y + plane[n + i], b = y + plane[2 * n + i], g = (y - 0.299f * r - 0.114f * b) / 0.587f;
        img[3 * i] = (uint8_t)clampf(r + 0.5f, 0, 255);
        img[3 * i + 1] = (uint8_t)clampf(g + 0.5f, 0, 255);
        img[3 * i + 2] = (uint8_t)clampf(b + 0.5f, 0, 255);
    }
    free(plane); free(tmp);
}
