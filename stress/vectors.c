#include <lib/fail.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <stddef.h>
#include <stress/vectors.h>

enum {
    ANY = 0,
    MERGES = PROMISE_COALESCES, /* the vector is about merging */
    FITS = PROMISE_SMALLEST_FIT,
    LARGEST_K = 9, /* of vectors without T: 4 * 2^9 pages fit into the smallest pool */
};

static const struct {
    unsigned needs;
    const char *name;
    const char *steps;
} table[] = {
    {ANY, "an empty pool has nothing to give", "= x0 x1 xM x0"},
    {ANY, "one page", "+5,1 =5:0 a0 = x0 fA =5:0"},
    {MERGES, "pages at 2, 1, 0 come together", "+2,1 =2:0 +1,1 =1:0,2:0 +0,1 =0:1,2:0"},
    {MERGES, "pages 0 to 7 one by one make one block",
     "+0,1 +1,1 +2,1 +3,1 =0:2 +4,1 +5,1 +6,1 +7,1 =0:3"},
    {MERGES, "pages 7 to 0 one by one make one block",
     "+7,1 +6,1 +5,1 +4,1 =4:2 +3,1 +2,1 +1,1 +0,1 =0:3"},
    {ANY, "an unaligned range", "+13,3 =13:0,14:1"},
    {ANY, "an odd range", "+1300,7 =1300:2,1304:1,1306:0"},
    {MERGES, "two ranges that touch", "+20,20 =20:2,24:3,32:3 +40,8 =20:2,24:3,32:4"},
    {MERGES, "a range next to free neighbours", "+0,8 +16,8 =0:3,16:3 +8,8 =0:4,16:3"},
    {MERGES, "neighbours that are no buddies stay apart", "+2,2 =2:1 +4,2 =2:1,4:1 +6,2 =2:1,4:2"},
    {PROMISE_REFUSES_BAD_FREE, "pages outside of the range are not put in",
     "oE,1 oE-1,2 oE+E,1 o0-1,1 o0,E+1 o8,0 o8,0-1 o8,0-8 = +8,8 =8:3"},
    {ANY, "a page is in once", "+0,8 !0,8 !7,1 !4,8 =0:3 a0 !0,1 fA =0:3"},
    {ANY, "a page of a held block is in once", "+0,8 a3 !0,1 !4,4 !7,2 fA =0:3"},
    {ANY, "a range that ends in pages that are in", "+8,8 !0,9 !0,16 !7,2 !4,8 =8:3 +0,8 =0:4"},
    {ANY, "a range around a page that is in", "+5,1 !0,8 !4,4 !2,4 !4,2 =5:0 +0,5 +6,2 =0:3"},
    {ANY, "a range around pages that are in", "+8,4 !0,16 !4,12 !0,64 =8:2 +0,8 +12,4 =0:4"},
    {ANY, "a range around a held page", "+5,1 a0 !0,8 !4,2 !0,6 !5,8 = +0,5 +6,2 fA =0:3"},
    {ANY, "a range around pages here and there",
     "+1,1 +6,1 !0,8 !1,6 !0,7 !2,5 !0,2 =1:0,6:0 +2,4 +0,1 +7,1 =0:3"},
    {PROMISE_REFUSES_BAD_FREE, "a range across an edge of the pool is not put in",
     "+0,8 +E-8,8 oE-16,17 oE-9,10 oE-1,2 o0-1,2 o0-8,16 o0-1,E+2 =0:3,E-8:3 !E-16,16 !E-9,2 "
     "+E-16,8 =0:3,E-16:4"},
    {ANY, "a range around a block that is in",
     "+n,n !0,n+1 !0,n+n+n !n-1,2 !n+n-1,2 !n+n-1,n =n:k +0,n =0*n+n"},
    {ANY, "a range around one page that is in", "+n,1 !0,n+n !0,n+1 !n-1,2 !n,n =n:0 +0,n =0*n+1"},
    {FITS, "the order asked is taken first", ">1 +0,4 +8,1 =0:2,8:0 a0 =0:2 fA =0:2,8:0"},
    {FITS, "the next larger block is split",
     "+0,2 +4,4 +16,8 a1 =4:2,16:3 a1 #1,3 fA fB =0:1,4:2,16:3"},
    {ANY, "a split leaves one half of each order", "+0,64 a0 #0,1,2,3,4,5 fA =0:6"},
    {ANY, "a page of a block of 1024", "+0,1024 =0:10 a0 #0,1,2,3,4,5,6,7,8,9 fA =0:10"},
    {FITS, "a split in the middle orders", "+0,64 a3 #3,4,5 a5 #3,4 fA #5 fB =0:6"},
    {FITS, "all pages of a block, one by one", "+0,4 a0 #0,1 a0 #1 a0 #0 a0 = x0 fA fB fC fD =0:2"},
    {MERGES, "freed in the order taken", "+0,8 a1 a1 a1 a1 = fA fB fC fD =0:3"},
    {MERGES, "freed in the other order", "+0,8 a1 a1 a1 a1 = fD fC fB fA =0:3"},
    {MERGES, "freed every second, then the rest",
     "+0,8 a0 a0 a0 a0 a0 a0 a0 a0 = fA fC fE fG #0,0,0,0 x1 fB fD fF fH =0:3"},
    {MERGES | FITS, "a held buddy stops the merge", "+0,4 a0 a0 a1 = fA #0 fC #0,1 fB =0:2"},
    {MERGES | FITS, "a buddy of another order stops the merge",
     "+0,8 a2 a1 a0 a0 = fB #1 fA #1,2 fC #0,1,2 fD =0:3"},
    {MERGES, "a missing buddy stops the merge", "+0,3 =0:1,2:0 a0 fA =0:1,2:0 a1 fB =0:1,2:0"},
    {ANY, "too much asked leaves all as it was",
     ">3 +0,7 =0:2,4:1,6:0 x3 x4 xM =0:2,4:1,6:0 a2 a1 a0 = fA fB fC"},
    {ANY, "four pages, one by one", "+0,4 a0 a0 a0 a0 = x0 fB fA fD fC =0:2"},
    {ANY, "a page freed is to be had again", "+0,2 a0 a0 = x0 fA a0 = x0 fB a0 = x0"},
    {ANY, "pages on their own", "+1,1 +3,1 +6,1 =1:0,3:0,6:0 a0 a0 a0 = x0 fA fB fC =1:0,3:0,6:0"},
    {ANY, "every page of a pool of 16",
     "+0,16 a0 a0 a0 a0 a0 a0 a0 a0 a0 a0 a0 a0 a0 a0 a0 a0 = x0 fP fA fO fB fN fC fM fD fL fE fK "
     "fF fJ "
     "fG fI fH =0:4"},
    {ANY, "order above the largest", "+0,T xM+1 xM+2 x31 x32 x63 x64 =0:M"},
    {ANY, "the largest block", "+0,T =0:M aM = x0 fA =0:M"},
    {MERGES, "two largest blocks do not merge", "+0,T+T =0:M,T:M aM aM = fA fB =0:M,T:M"},
    {MERGES, "a largest block comes together from its ends",
     ">2 +0,1 +T-1,1 =0:0,T-1:0 +1,T-2 =0:M a0 fA =0:M"},
    {ANY, "a range across the border of largest blocks", ">1 +T-2,4 =T-2:1,T:1"},
    {ANY, "a page short of the largest block", ">1 +1,T-1 xM a0 x0+M fA"},
    {ANY, "a page more than the largest block", ">1 +0,T+1 =0:M,T:0 aM =T:0 a0 = fA fB =0:M,T:0"},
    {ANY, "the largest block split to a page and back", "+0,T a0 xM fA =0:M"},
    {ANY, "the last page of the pool", "+E-1,1 =E-1:0 a0 = x0 fA =E-1:0"},
    {MERGES, "the two largest blocks at the end of the pool",
     "+E-T,T =E-T:M +E-T-T,T =E-T-T:M,E-T:M aM aM = x0 fA fB =E-T-T:M,E-T:M"},
    {ANY, "the last pages of the pool, in one range", ">1 +E-T-1,T+1 =E-T-1:0,E-T:M aM a0 = fA fB"},
    {MERGES, "the last block of the pool, page by page at its end",
     ">2 +E-T,T-2 +E-1,1 +E-2,1 =E-T:M a0 a0 fA fB =E-T:M"},
    {MERGES, "two buddies at the end of the pool, taken and freed",
     "+E-n-n,n+n ak ak = xk fA fB =E-n-n*n+n ak ak fD fC =E-n-n*n+n"},
    {MERGES, "inserted as halves at the end of the pool", "+E-n,n =E-n:k +E-n-n,n =E-n-n*n+n"},
    {ANY, "the whole pool", ">6 +0,E =0*E a0 fA =0*E a6 fB =0*E"},
    {ANY, "the whole pool in halves, one of them held", ">6 +0,E a0 a6 fA fB =0*E"},
    {MERGES, "two largest blocks, both free again",
     "+0,T+T a0 fA =0:M,T:M aM a0 fC fB =0:M,T:M aM aM fE fD =0:M,T:M"},
    {MERGES, "the pool grows behind a held block", "+0,16 a3 a3 fA +16,8 fB =0:4,16:3"},
    {MERGES, "the pool grows behind held blocks", "+0,n+n ak ak fA +n+n,n+n fB =0*n+n+n+n"},
    {MERGES, "the pool grows before a held block", "+n,n ak +0,n =0:k fA =0*n+n"},
    {MERGES, "the pool grows around a held block",
     "+n,n ak +0,n +n+n,n+n =0:k,n+n:k+1 fA =0*n+n+n+n"},
    {MERGES, "course: inserts at 2, 1, 0 merge upward",
     "+2,2 =2:1 +1,1 =1:0,2:1 +0,1 =0:2 a2 = x0 fA =0:2"},
    {ANY, "course: 0 to 7, 13 to 15, 1300 to 1306",
     "+0,8 =0:3 +13,3 =0:3,13:0,14:1 +1300,7 =0:3,13:0,14:1,1300:2,1304:1,1306:0"},
    {FITS, "course: a page taken and given back",
     "+0,8 +13,3 +1300,7 a0 #0,1,1,2,3 fA =0:3,13:0,14:1,1300:2,1304:1,1306:0"},
    {FITS, "course: 20 pages from 20, and two of them",
     "+0,8 +13,3 +1300,7 +20,20 "
     "=0:3,13:0,14:1,20:2,24:3,32:3,1300:2,1304:1,1306:0 a1 #0,0,1,2,2,3,3,3 fA "
     "=0:3,13:0,14:1,20:2,24:3,32:3,1300:2,1304:1,1306:0"},
    {MERGES, "course: eight pages from 40 merge upward",
     "+13,3 +20,20 =13:0,14:1,20:2,24:3,32:3 +40,8 =13:0,14:1,20:2,24:3,32:4"},
    {MERGES, "course: too large an order",
     ">5 +0,8 +13,3 +1300,7 +20,20 +40,8 x8 xM x5 a4 fA "
     "=0:3,13:0,14:1,20:2,24:3,32:4,1300:2,1304:1,1306:0"},
    {ANY, "course: frees in the middle of a block",
     "+0,8 a3 sA sA sA fD =1:0 fA =0:1 fC =0:2 fB =0:3"},
    {ANY, "course: the upper half of a block first", "+0,16 a4 sA fB =8:3 sA fC =4:2,8:3 fA =0:4"},
    {ANY, "a double free", "+0,8 a3 fA b0,3 b0,0 b4,2 =0:3"},
    {ANY, "a double free of a page", "+5,1 a0 fA b5,0 b5,0 =5:0 a0 = fB b5,0 =5:0"},
    {ANY, "a double free of what was just freed",
     "+5,1 a0&fA&b5,0&a0&fB&b5,0 =5:0 +8,8 a3&fC&b8,3&b8,2&b9,0 =5:0,8:3"},
    {ANY, "a double free of a block that has merged upward", "+0,2 a0 a0 fA fB b0,0 b1,0 =0:1"},
    {ANY, "a double free while the buddy is held", "+0,2 a1 fA a0 a0 fB b0,1 fC =0:1"},
    {ANY, "a free inside a held block", "+0,8 a3 b1,0 b7,0 b2,1 b4,2 b0,2 b0,0 = fA =0:3"},
    {ANY, "a free of more than was handed out", "+0,16 a3 a3 b0,4 b8,4 = fA fB =0:4"},
    {ANY, "a free inside a larger free block", "+0,16 b0,0 b5,0 b8,3 b0,4 =0:4"},
    {ANY, "a free of a page that is free", "+0,4 b0,0 b1,0 b3,0 =0:2"},
    {ANY, "a free of pages never inserted", "+0,8 b8,0 b8,3 b9,0 b16,4 =0:3"},
    {ANY, "a free of a page never inserted", "+0,2 b2,0 b9,0 =0:1"},
    {ANY, "a free across the end of what was inserted", "+0,12 a3 a2 b0,4 b8,3 fA fB =0:3,8:2"},
    {ANY, "a misaligned free", "+0,16 a4 b1,1 b2,2 b4,3 b8,4 = fA =0:4"},
    {ANY, "a free beyond the pool", "+0,8 b0-1,0 b0-8,3 bE,0 bE+8,3 bE+E,M =0:3"},
    {ANY, "a free of a page beyond the pool", "+0,8 b0-1,0 bE,0 bE+E,0 =0:3"},
    {ANY, "a free of an order that does not exist", "+0,8 a0 bM,M+1 b0,M+1 b0,63 b0,64 fA =0:3"},
    {ANY, "a wrong free at the end of the pool",
     "+E-8,8 a3 bE-1,0 bE-4,2 bE-4,3 bE-8,4 bE,0 bE,3 = fA bE-8,3 bE-1,0 =E-8:3"},
    {ANY, "largest blocks freed twice", "+0,T+T aM aM fA fB b0,M bT,M b0,M+1 bT,M+1 =0:M,T:M"},
    {ANY, "a wrong free of pages that are put in later", "+0,8 b8,3 b8,0 b9,0 b12,2 +8,8 =0:4"},
    {ANY, "refusals that leave a held block as it is",
     "+0,n ak !0,n !0,1 !n-1,1 !n-1,2 b0,k+1 b0,M+1 bn,k = fA b0,k b0,k+1 =0:k ak = fB =0:k"},
    {ANY, "a page just freed, as a part of more", "+0,16 a0&fA&a4&x0&fB =0:4"},
    {ANY, "a block just freed, in parts", "+0,8 a3&fA&a0&a1&fB&fC =0:3"},
    {ANY, "many blocks just freed",
     "+0,128 a3&a3&a3&a3&a3&a3&a3&a3&a3 fA&fB&fC&fD&fE&fF&fG&fH&fI =0:7"},
    {ANY, "many pages just freed",
     "+0,32 a0&a0&a0&a0&a0&a0&a0&a0&a0 fA&fB&fC&fD&fE&fF&fG&fH&fI =0:5"},
    {ANY, "nine pages without the first eight", "+0,9 -0,8 =8:0 +0,8 =0:3,8:0"},
    {ANY, "one page removed", "+0,8 -5,1 =0:2,4:0,6:1 x3 +5,1 =0:3"},
    {ANY, "everything removed", "+0,16 -0,16 = x0 +0,16 =0:4"},
    {ANY, "pages just freed are removed", "+0,8 a0&fA&-0,8 = +0,8 a3&fB&-2,3&~0,8 =0:1,5:0,6:1"},
    {ANY, "pages removed and put back", "+0,16 -4,4 =0:2,8:3 x4 +4,4 =0:4"},
    {ANY, "an unaligned range removed", "+0,16 -3,6 =0:1,2:0,9:0,10:1,12:2 +3,6 =0:4"},
    {ANY, "a page in the middle removed, and put back", "+0,4 -1,1 =0:0,2:1 ~1,1 +1,1 !1,1 =0:2"},
    {ANY, "the largest block removed, and a page of it",
     ">2 +0,T -0,T = x0 +0,T =0:M -3,1 xM +3,1 =0:M"},
    {ANY, "two largest blocks removed, at once and across their border",
     ">1 +0,T+T -0,T+T = x0 +0,T+T =0:M,T:M -T-1,2 =0*T-1,T+1*T-1 +T-1,2 =0:M,T:M"},
    {ANY, "one of two largest blocks removed", "+0,T+T -0,T =T:M aM = fA +0,T -T,T =0:M aM = fB"},
    {ANY, "the last pages of the pool removed",
     ">1 +E-T-T,T+T -E-1,1 =E-T-T:M,E-T*T-1 -E-T,T-1 =E-T-T:M +E-T,T =E-T-T:M,E-T:M"},
    {ANY, "held pages are not removed", "+0,4 a2 ~0,4 ~3,1 = fA -0,4 ="},
    {ANY, "a held page is not removed", "+5,1 a0 ~5,1 = fA -5,1 = x0"},
    {ANY, "pages partly held are not removed", "+0,8 a0 ~0,8 fA -0,8 ="},
    {ANY, "pages never inserted are not removed", "+0,8 ~8,1 ~4,8 =0:3"},
    {ANY, "removed twice", "+0,8 -0,4 ~0,4 ~2,4 =4:2 +0,4 =0:3"},
    {ANY, "removed across two blocks", "+0,8 +8,4 -6,4 =0:2,4:1,10:1 +6,4 =0:3,8:2"},
    {PROMISE_REFUSES_BAD_FREE, "pages outside of the range are not removed",
     "+0,8 +E-8,8 rE,1 rE-1,2 rE-8,16 r0-1,1 r0-1,2 r0-8,16 r0,E+1 r0,0 r8,0-1 r8,0-8 rE+E,1 "
     "=0:3,E-8:3 -0,8 -E-8,8 ="},
    {ANY, "not removed, and put in later", "+0,8 ~8,1 ~4,8 ~0,16 ~7,2 =0:3 +8,8 =0:4"},
    {ANY, "pages around one that is not in are not removed",
     "+0,n +n+1,1 ~0,n+2 ~n-1,2 ~n-1,3 ~n,2 ~n,1 =0:k,n+1:0 +n,1 -n,1 =0:k,n+1:0"},
    {ANY, "a held block is not removed", "+0,n ak ~0,n ~0,1 ~n-1,1 ~0,n+n = fA =0:k -0,n ="},
    {MERGES, "a free block and a held one are not removed",
     "+0,n+n ak ak fA ~0,n+n #k ak fB ~0,n+n ~n-1,2 #k fC =0*n+n -0,n+n ="},
    {ANY, "blocks removed at the end of the pool",
     "+E-n-n,n+n -E-n,n =E-n-n:k ~E-n,n +E-n,n =E-n-n*n+n -E-n-n,n =E-n:k -E-n,n ="},
    {MERGES, "the pool grows and shrinks behind held blocks",
     "+0,n+n ak ak +n+n,n =n+n:k fA -n+n,n fB =0*n+n +n+n,n =0*n+n+n"},
    {MERGES, "the buddy of a held block comes and goes",
     "+0,n ak +n,n -n,n = +n,n fA =0*n+n -0,n =n:k"},
    {ANY, "largest blocks freed, and removed one by one",
     "+0,T+T aM aM fA fB -T,T =0:M -0,T = +T,T -T,T ="},
    {ANY, "a block removed from a largest one",
     "+0,T+T -n,n =0:k,n+n*T+T-n-n -0,n =n+n*T+T-n-n +0,n+n =0:M,T:M"},
    {ANY, "blocks removed at the border of two largest ones, and at the end",
     "+0,T+T -T-n,n+n =0*T-n,T+n*T-n +T-n,n+n -T+T-n,n =0*T+T-n +T+T-n,n =0:M,T:M"},
    {MERGES, "inserted as halves, the upper first", "+n,n =n:k +0,n =0*n+n"},
    {MERGES, "taken as halves and freed", "+0,n+n ak ak = xk fA fB =0*n+n"},
    {ANY, "a block with a page behind it, the block removed", "+0,n+1 -0,n =n:0 +0,n a0 fA"},
    {ANY, "a block with a page before it, the block removed", "+n-1,n+1 -n,n =n-1:0 +n,n a0 fA"},
    {ANY, "the lower half removed", "+0,n+n -0,n =n:k ~0,n +0,n =0*n+n"},
    {ANY, "the upper half removed", "+0,n+n -n,n =0:k ~n,n +n,n =0*n+n"},
    {ANY, "the first page removed", "+0,n+n -0,1 =1*n+n-1 +0,1 =0*n+n"},
    {ANY, "the last page removed", "+0,n+n -n+n-1,1 =0*n+n-1 +n+n-1,1 =0*n+n"},
    {ANY, "a page in the middle removed", "+0,n+n -n,1 =0:k,n+1*n-1 +n,1 =0*n+n"},
    {ANY, "the middle of two blocks removed", "+0,n+n+n+n -n,n+n =0:k,n+n+n:k +n,n+n =0*n+n+n+n"},
    {MERGES, "merged by insertion, and removed", "+0,n +n,n -0,n+n = x0 +0,n+n =0*n+n"},
    {MERGES, "merged by insertion, and one half removed",
     "+0,n +n,n -0,n =n:k -n,n = x0 +n,n +0,n =0*n+n"},
    {MERGES, "merged by free, and removed", "+0,n+n ak ak fA fB -0,n+n = x0 +0,n+n =0*n+n"},
    {MERGES, "a block freed next to pages removed", "+0,n+n ak ak fA fB -0,n =n:k ak = fC =n:k"},
};

enum { ROWS = sizeof(table) / sizeof(table[0]) };

/* ---- the table as a row of cases ---- */

static bool speaks_of_order(const char *steps)
{
    return strchr(steps, 'n') || strchr(steps, 'k');
}

static unsigned cases_of(unsigned row, unsigned largest)
{
    const char *steps = table[row].steps;

    if (!speaks_of_order(steps))
        return 1;
    return (strchr(steps, 'T') || largest < LARGEST_K ? largest : LARGEST_K) + 1;
}

unsigned vectors_count(unsigned largest)
{
    unsigned count = 0;

    for (unsigned row = 0; row < ROWS; row++)
        count += cases_of(row, largest);
    return count;
}

void vectors_get(struct vector *vector, unsigned index, unsigned largest, uint64_t pages)
{
    unsigned row = 0;

    for (; index >= cases_of(row, largest); row++)
        index -= cases_of(row, largest);
    vector->needs = table[row].needs;
    vector->steps = table[row].steps;
    vector->numbers = (struct step_numbers){largest, index, pages};
    format_text(vector->name, VECTOR_NAME_SIZE, "%s%s",
                vector->needs & FITS ? "smallest fit: " : "", table[row].name);
    size_t length = strlen(vector->name);
    vector->base_length = (unsigned)length;
    if (speaks_of_order(vector->steps))
        format_text(vector->name + length, VECTOR_NAME_SIZE - length, ", order %u", index);
}

/* ---- whether it applies ---- */

bool vector_is_large(const struct vector *vector)
{
    return strchr(vector->steps, 'T');
}

static bool has_step(const char *steps, const char *kinds)
{
    for (const char *step = steps; *step; step = step_next(step))
        if (strchr(kinds, *step))
            return true;
    return false;
}

/* The allocator's largest order must be at least this for the steps to mean what they say. */
static unsigned least_order(const char *steps)
{
    unsigned least = 0;

    for (const char *step = steps; *step; step = step_next(step)) {
        unsigned named = step_named_order(step);
        least = named > least ? named : least;
    }
    return least;
}

static const char *first_call(const char *steps)
{
    return *steps == '>' ? step_next(steps) : steps;
}

/*
 * Whether an allocator that takes one region can run the steps: they insert once, first of all, and
 * remove nothing.
 */
static bool is_one_region(const char *steps)
{
    return *first_call(steps) == '+' && !has_step(step_next(first_call(steps)), "+!o-~r");
}

static bool is_aligned(const struct vector *vector, uint64_t alignment)
{
    struct step_pages range = step_pages(first_call(vector->steps), &vector->numbers);

    return range.first % alignment == 0 && range.count % alignment == 0;
}

/* The promise or function that is missing, or NULL. */
static const char *missing(const struct vector *vector, const struct page_allocator *allocator)
{
    unsigned promises = vector->needs;

    if (has_step(vector->steps, "bo!r"))
        promises |= PROMISE_REFUSES_BAD_FREE;
    if (has_step(vector->steps, "s"))
        promises |= PROMISE_FREES_PARTS;
    promises &= ~allocator->promises;
    if (promises)
        return page_promise_name(promises & -promises);
    if (has_step(vector->steps, "-~r") && !allocator->remove_pages)
        return "remove_pages";
    return NULL;
}

/* Why the pages of the vector cannot be inserted, or NULL. */
static const char *range_hindrance(const struct vector *vector,
                                   const struct page_allocator *allocator, bool large)
{
    const char *steps = vector->steps;

    if (vector_is_large(vector) && !large)
        return "it needs memory for two blocks of the largest order";
    if (page_allocator_takes_one_region(allocator) && !is_one_region(steps))
        return "the allocator takes one region, at init";
    if (page_allocator_takes_one_region(allocator) && allocator->range_alignment &&
        !is_aligned(vector, allocator->range_alignment))
        return "its region is not aligned as the allocator wants it";
    if (allocator->pages_kept && has_step(steps, "-~r"))
        return "the allocator keeps pages of what it is given";
    return NULL;
}

bool vector_applies(const struct vector *vector, const struct page_allocator *allocator, bool large,
                    char why[VECTOR_WHY_SIZE])
{
    const char *lacking = missing(vector, allocator);
    const char *range = range_hindrance(vector, allocator, large);
    unsigned least = least_order(vector->steps);

    if (least > vector->numbers.largest)
        format_text(why, VECTOR_WHY_SIZE, "it needs blocks of order %u", least);
    else if (lacking)
        format_text(why, VECTOR_WHY_SIZE, "it needs %s", lacking);
    else if (range)
        format_text(why, VECTOR_WHY_SIZE, "%s", range);
    else
        return true;
    return false;
}
