"""The extension module: its sources and its flags. Everything else stands in pyproject.toml."""

import os
import shlex
import tomllib
from concurrent.futures import ThreadPoolExecutor
from glob import glob
from pathlib import Path

import numpy
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

# Rounding is written in the sources: no contraction, no fast-math, no -march. The two -fno flags
# only say that nobody reads errno or the floating-point exception flags; without them GCC leaves
# loops with selects scalar. -g0: Python's own flags ask for debug information, of which the inlined
# formulas make so much that the build takes twice as long; KL_C_CFLAGS=-g brings it back.
GCC_FLAGS = [
    "-std=c11",
    "-O3",
    "-g0",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fvisibility=hidden",
    "-Wall",
    "-Wextra",
]
MSVC_FLAGS = ["/std:c11", "/O2", "/fp:precise"]


def version() -> str:
    with open(Path(__file__).with_name("pyproject.toml"), "rb") as file:
        return tomllib.load(file)["project"]["version"]


def compile_together(compiler):
    """Make the compiler object, which takes one file after the other, use all processors."""
    one_by_one = compiler.compile

    def compile(sources, **options):
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            objects = pool.map(lambda source: one_by_one([source], **options), sources)
            return [path for paths in objects for path in paths]

    compiler.compile = compile


class BuildExt(build_ext):
    def initialize_options(self):
        super().initialize_options()
        self.cython_c_in_temp = True  # the generated C belongs to the build, not to src/

    def build_extension(self, ext):
        msvc = self.compiler.compiler_type == "msvc"
        ext.extra_compile_args = list(MSVC_FLAGS if msvc else GCC_FLAGS)
        # After ours, where $CFLAGS stands before: for sanitizers and quick builds of tests.
        ext.extra_compile_args += shlex.split(os.environ.get("KL_C_CFLAGS", ""))
        if os.environ.get("KL_C_WERROR") == "1":
            ext.extra_compile_args.append("/WX" if msvc else "-Werror")
        if not msvc:
            ext.extra_link_args = ["-pthread"]  # a library of its own before glibc 2.34
        if self.compiler.compiler_type == "unix":
            compile_together(self.compiler)
        super().build_extension(ext)


# The same files on every platform: one that does not apply to the target compiles to an empty
# backend.
kernels = Extension(
    "kl_c._kernels",
    sources=["src/_kernels.pyx", *sorted(glob("src/*.c"))],
    depends=["pyproject.toml", "setup.py", *glob("src/*.*")],
    include_dirs=["src", numpy.get_include()],
    define_macros=[
        ("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION"),
        ("KL_C_VERSION", f'"{version()}"'),
    ],
)

setup(ext_modules=[kernels], cmdclass={"build_ext": BuildExt})
