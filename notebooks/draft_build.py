"""NN_name.txt (cells split by '%% md [tags]' / '%% code [tags]') -> notebooks/NN_name.ipynb."""
import re, sys, nbformat
from pathlib import Path
from nbformat.v4 import new_notebook, new_code_cell, new_markdown_cell
for name in sys.argv[1:]:
    src=Path(f'/tmp/s/nb/{name}.txt').read_text()
    parts=re.split(r'^%% (md|code)(.*)\n', src, flags=re.M)[1:]
    cells=[]
    for i in range(0,len(parts),3):
        kind,tags,body=parts[i],parts[i+1].split(),parts[i+2].strip('\n')
        make=new_markdown_cell if kind=='md' else new_code_cell
        cells.append(make(body, metadata={'tags':tags} if tags else {}, id=f'{name[:2]}-{i//3}'))
    nb=new_notebook(cells=cells, metadata={"kernelspec":{"display_name":"Python 3","language":"python","name":"python3"},"language_info":{"name":"python"}})
    nbformat.write(nb, f'/work/main/notebooks/{name}.ipynb')
