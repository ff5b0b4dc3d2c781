"""Functions for compiled code that make tables, rows and masks from arrays."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from dialogue_gym.vector.numba_types import INT64, RowType, TablesType, element, mask_type, view


def tables_maker(constants: tuple[int, ...]) -> Any:
    """Return a function for compiled code that makes tables from an int64 array of words."""
    of = TablesType(bool(constants))

    @intrinsic
    def make_tables(context: Any, words: Any) -> Any:
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            tables = view(context, builder, of)
            tables.words = _array(context, builder, sig, args, 0).data
            if constants:
                array = ir.ArrayType(INT64, len(constants))
                known = ir.GlobalVariable(builder.module, array, builder.module.get_unique_name("tables"))
                known.linkage = "internal"
                known.global_constant = True
                known.initializer = ir.Constant(array, [INT64(word) for word in constants])
                tables.constants = builder.bitcast(known, INT64.as_pointer())
            return tables._getvalue()

        return of(words), generate

    return make_tables


def _array(context: Any, builder: Any, sig: Any, args: Any, position: int) -> Any:
    return context.make_array(sig.args[position])(context, builder, args[position])


@intrinsic
def make_row(context: Any, cells: Any, states: Any, lane: Any) -> Any:
    """Return lane `lane` of `cells` (2-d) and `states` (int64) as a row."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        array = _array(context, builder, sig, args, 0)
        size = cgutils.unpack_tuple(builder, array.shape)[1]
        row = view(context, builder, sig.return_type)
        row.cells = element(builder, array.data, builder.mul(size, args[2]))
        row.end = element(builder, row.cells, size)
        row.state = element(builder, _array(context, builder, sig, args, 1).data, args[2])
        return row._getvalue()

    return RowType(cells.dtype)(cells, states, types.int64), generate


@intrinsic
def make_mask(context: Any, masks: Any, lane: Any, actions: Any, first: Any) -> Any:
    """Return lane `lane` of `masks` (2-d, int8), all allowed: the domain's `actions` from `first` on."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        _, lane, actions, first = args
        mask = view(context, builder, mask_type)
        size = builder.sub(actions, first)
        mask.data = element(builder, _array(context, builder, sig, args, 0).data, builder.mul(size, lane))
        mask.first = first
        # Both sizes are constants if `actions` is one, and with a constant size no function is called.
        is_auto = builder.icmp_signed("==", first, INT64(1))
        with builder.if_else(is_auto) as (auto, explicit):
            with auto:
                cgutils.memset(builder, mask.data, builder.sub(actions, INT64(1)), 1)
            with explicit:
                cgutils.memset(builder, mask.data, actions, 1)
        return mask._getvalue()

    return mask_type(masks, types.int64, types.int64, types.int64), generate


@intrinsic
def copy_cells(context: Any, row: Any, count: Any, array: Any, at: Any) -> Any:
    """Copy the first `count` cells of a row to an array (2-d), from its element `at` on."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        source = view(context, builder, sig.args[0], args[0]).cells
        to = element(builder, _array(context, builder, sig, args, 2).data, args[3])
        if row.dtype == array.dtype:
            cgutils.raw_memcpy(builder, to, source, args[1], row.dtype.bitwidth // 8)
        else:
            with cgutils.for_range(builder, args[1]) as loop:
                value = builder.load(element(builder, source, loop.index))
                value = context.cast(builder, value, row.dtype, array.dtype)
                builder.store(value, element(builder, to, loop.index))
        return context.get_dummy_value()

    return types.none(row, types.int64, array, types.int64), generate


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
