"""Installs into a scratch prefix and builds an outside project against it, by find_package and by pkg-config."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

BUILD = pathlib.Path(os.environ['FARHAND_BUILD'])
CMAKE = os.environ.get('FARHAND_CMAKE', 'cmake')
CONSUMER = pathlib.Path(__file__).resolve().parent / 'consumer'
LIBRARIES = ['socketserver', 'socketserver_tls', 'events', 'http']


def run(*command, **more):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=240, check=False, **more)
    if done.returncode != 0:
        raise AssertionError(f'{command}: {done.stdout}{done.stderr}')
    return done.stdout


class InstallTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = pathlib.Path(tempfile.mkdtemp(prefix='farhand-install-'))
        cls.prefix = cls.scratch / 'prefix'
        run(CMAKE, '--install', BUILD, '--prefix', cls.prefix)
        cls.lib = next(cls.prefix.glob('lib*/**/libfarhand_socketserver.so')).parent

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.scratch)

    def check(self, program):
        out = run(program, env={'LD_LIBRARY_PATH': str(self.lib)})
        self.assertIn('own asio\n', out)
        self.assertIn('twelve\n', out)
        self.assertIn('/no/such/certificate', out)
        self.assertIn('HELLO\n', out)
        self.assertTrue(out.endswith('page') or 'page' in out, out)

    def test_find_package(self):
        build = self.scratch / 'by-cmake'
        run(CMAKE, '-S', CONSUMER, '-B', build, '-G', 'Ninja', f'-DCMAKE_PREFIX_PATH={self.prefix}')
        run(CMAKE, '--build', build)
        self.check(build / 'consumer')

    def test_an_older_library_is_not_taken_for_a_newer_one(self):
        source = self.scratch / 'wants-more'
        source.mkdir()
        (source / 'CMakeLists.txt').write_text('cmake_minimum_required(VERSION 3.25)\nproject(x LANGUAGES CXX)\n'
                                               'find_package(farhand 99 REQUIRED)\n')
        with self.assertRaises(AssertionError) as refused:
            run(CMAKE, '-S', source, '-B', source / 'build', f'-DCMAKE_PREFIX_PATH={self.prefix}')
        self.assertIn('compatible with requested version', str(refused.exception))

    def test_pkg_config(self):
        packages = [f'farhand-{name}' for name in LIBRARIES]
        where = {**os.environ, 'PKG_CONFIG_PATH': str(self.lib / 'pkgconfig')}
        # The .pc files name the configured prefix; a scratch one is told on the command line.
        flags = run('pkg-config', f'--define-variable=prefix={self.prefix}', '--cflags', '--libs', *packages, env=where).split()
        program = self.scratch / 'by-pkg-config'
        run('g++', '-std=c++20', CONSUMER / 'main.cpp', '-o', program, *flags)
        self.check(program)

    def test_public_headers_show_asio_and_nothing_else(self):
        headers = list((self.prefix / 'include/farhand').rglob('*.h'))
        self.assertGreater(len(headers), 30)
        for header in headers:
            for name in re.findall(r'#\s*include\s*[<"]([^>"]+)[>"]', header.read_text()):
                allowed = (name.startswith('farhand/') or name.startswith('asio/') or '/' not in name or
                           name.startswith(('sys/', 'netinet/', 'arpa/')))
                self.assertTrue(allowed, f'{header} includes {name}')
                if name.startswith('farhand/'):
                    self.assertTrue((self.prefix / 'include' / name).exists(), f'{header} includes {name}')
                self.assertNotIn('.hpp' if '/' not in name else '//', name)

    def test_symbols_are_hidden_unless_they_are_the_interface(self):
        # Of a namespace: functions, and the tables that belong to its classes.
        def of(*namespaces):
            names = '|'.join(f'{len(name)}{name}' for name in namespaces)
            return re.compile(rf'^_Z(N|NK|T[VISTC]N|ZN|ZNK|GVN|GVZN|Th\d+_N)({names})')
        ours = of('socketserver', 'events', 'http')
        foreign = of('asio', 'spdlog', 'fmt', 'tl')
        for name in LIBRARIES:
            listed = run('nm', '-D', '--defined-only', self.lib / f'libfarhand_{name}.so')
            shown = [line.split(' ')[2].partition('@')[0] for line in listed.splitlines()]
            self.assertTrue(any(ours.match(symbol) for symbol in shown), name)
            self.assertEqual([symbol for symbol in shown if foreign.match(symbol)], [], name)
            self.assertEqual([symbol for symbol in shown if re.match(r'^_ZN?K?7farhand(3log|5spawn|3Tls)', symbol)], [], name)

    def test_libraries_are_versioned(self):
        for name in LIBRARIES:
            dynamic = run('readelf', '-d', self.lib / f'libfarhand_{name}.so')
            self.assertRegex(dynamic, rf'soname: \[libfarhand_{name}\.so\.\d+\.\d+\]')


if __name__ == '__main__':
    unittest.main(verbosity=2)
