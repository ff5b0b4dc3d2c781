"""Functions for compiled code that make tables, vectors, rows and masks from arrays."""

from __future__ import annotations

import functools
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from dialogue_gym.compiled.numba_types import (
    INT64,
    TablesType,
    Vector,
    element,
    mask_type,
    scalar,
    view,
)
from dialogue_gym.compiled.table_layout import SETS


def tables_maker(constants: tuple[int, ...], has_sets: bool) -> Any:
    """Return a function for compiled code that makes tables from a vector of words (int64), from `at` on."""
    of = TablesType(bool(constants), has_sets)

    @intrinsic
    def make_tables(context: Any, words: Any, at: Any) -> Any:
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            tables = view(context, builder, of)
            tables.words = element(builder, view(context, builder, words, args[0]).data, args[1])
            if constants:
                array = ir.ArrayType(INT64, len(constants))
                known = ir.GlobalVariable(builder.module, array, builder.module.get_unique_name("tables"))
                known.linkage = "internal"
                known.global_constant = True
                known.initializer = ir.Constant(array, [INT64(word) for word in constants])
                tables.constants = builder.bitcast(known, INT64.as_pointer())
            return tables._getvalue()

        return of(words, types.int64), generate

    return make_tables


@intrinsic
def vector_at(context: Any, places: Any, index: Any, dtype: Any) -> Any:
    """Return the vector of some dtype whose address is in an array (int64); its length is unknown."""
    of = Vector(dtype.dtype, False)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        array = context.make_array(places)(context, builder, args[0])
        address = builder.load(element(builder, array.data, args[1]))
        vector = view(context, builder, of)
        vector.data = builder.inttoptr(address, context.get_value_type(of.dtype).as_pointer())
        vector.length = INT64(0)
        return vector._getvalue()

    return of(places, types.int64, dtype), generate


@intrinsic
def vector_of(context: Any, array: Any) -> Any:
    """Return an array (1-d) as a vector."""
    of = Vector(array.dtype, False)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        source = context.make_array(array)(context, builder, args[0])
        vector = view(context, builder, of)
        vector.data = source.data
        vector.length = source.nitems
        return vector._getvalue()

    return of(array), generate


@intrinsic
def make_row(context: Any, row: Any, tables: Any, cells: Any, sets: Any, states: Any, lane: Any) -> Any:
    """Return the row (a `RowType`) of a lane, in vectors of cells, of words of sets and of random states."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        made = view(context, builder, sig.return_type)
        known = functools.partial(scalar, context, builder, tables, args[1])
        lane = args[5]
        all_cells, all_sets, all_states = (
            view(context, builder, of, value).data for of, value in zip(sig.args[2:5], args[2:5], strict=True)
        )
        made.cells = element(builder, all_cells, builder.mul(known("size"), lane))
        made.end = element(builder, made.cells, known("size"))
        made.state = element(builder, all_states, lane)
        made.words = known("words")
        words_of_row = builder.mul(made.words, INT64(len(SETS)))
        made.sets = element(builder, all_sets, builder.mul(words_of_row, lane))
        for name in SETS:
            setattr(made, name, known(name))
        return made._getvalue()

    return row.instance_type(row, tables, cells, sets, states, types.int64), generate


@intrinsic
def make_mask(context: Any, masks: Any, lane: Any, actions: Any, first: Any) -> Any:
    """Return lane `lane` of a vector of masks (int8), all allowed: the domain's `actions` from `first` on."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        _, lane, actions, first = args
        mask = view(context, builder, mask_type)
        size = builder.sub(actions, first)
        all_masks = view(context, builder, masks, args[0]).data
        mask.data = element(builder, all_masks, builder.mul(size, lane))
        mask.first = first
        cgutils.memset(builder, mask.data, size, 1)  # calls no function if the size is a constant
        return mask._getvalue()

    return mask_type(masks, types.int64, types.int64, types.int64), generate


@intrinsic
def copy_cells(context: Any, row: Any, count: Any, to: Any, at: Any) -> Any:
    """Copy the first `count` cells of a row to a vector, from its element `at` on."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        source = view(context, builder, row, args[0]).cells
        target = element(builder, view(context, builder, to, args[2]).data, args[3])
        if row.dtype == to.dtype:
            cgutils.raw_memcpy(builder, target, source, args[1], row.dtype.bitwidth // 8)
        else:
            with cgutils.for_range(builder, args[1]) as loop:
                value = builder.load(element(builder, source, loop.index))
                value = context.cast(builder, value, row.dtype, to.dtype)
                builder.store(value, element(builder, target, loop.index))
        return context.get_dummy_value()

    return types.none(row, types.int64, to, types.int64), generate


@intrinsic
def call_at(context: Any, address: Any, arguments: Any) -> Any:
    """Call the compiled function at an address with a tuple of arguments, and return its int64.

    It must be one that cannot fail. The compiler knows nothing of the function, so that its caller is
    compiled once for all of them.
    """

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        given = sig.args[1].types
        signature = context.call_conv.get_function_type(types.int64, given)
        function = builder.inttoptr(args[0], signature.as_pointer())
        values = cgutils.unpack_tuple(builder, args[1])
        _, result = context.call_conv.call_function(builder, function, types.int64, given, values)
        return result

    return types.int64(types.int64, arguments), generate
