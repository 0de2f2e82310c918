import json, numpy as np, torch
from kdutils.recipes import EXPERIMENTS
from kdutils import models, checkpoints
from kdutils.records import record
from kdutils.data import Split
from kdutils.training import History
from kdutils.checkpoints import FOLDER
assert "fake8" in str(FOLDER)
rng=np.random.default_rng(0)
sp=Split(torch.randint(0,255,(100,3,32,32),dtype=torch.uint8),torch.arange(100)%10)
nets={}
for r in EXPERIMENTS["08_quantized_svhn"]:
    base=110 if "teacher" in r.run else 150 if r.run in("full","w32a32-hard") else 300
    for s in range(r.seeds):
        row=dict(experiment="08_quantized_svhn",run=r.run,dataset="svhn10k",model=r.model_name,method=r.method,temperature=r.temperature,alpha=None,seed=s,epochs=60,train_seconds=100.,device="cpu",precision="bf16",params=1,val_errors=int(base/2+rng.normal()*8),val_n=1001,test_errors=int(base+rng.normal()*12),test_n=1999,test_nll=.5,test_ece=.02,extra=json.dumps(r.extra()))
        record(row,FOLDER/"svhn10k"/"runs.csv")
        if s<r.ship:
            net=checkpoints.load(r.members[0]) if r.members else models.create(r.model,**r.size)
            checkpoints.save(net,f"svhn10k/{r.run}",architecture=(r.model,r.size),history=History(),metadata={"experiment":"08","dataset":"svhn10k","recipe":{},"seed":s},check={"val":sp,"test":sp},packed=r.method=="packed")
